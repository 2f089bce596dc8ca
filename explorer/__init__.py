"""The face of Isobar: a Streamlit app over `core`; holds no science."""
