"""The pages, one file each: it reads state, calls core, and lays out panels and charts. Streamlit runs them as scripts."""
