"""What surrounds every page: navigation, logo, the runs in the sidebar, the status line."""
