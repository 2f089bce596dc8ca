"""Charts: pure functions of a data frame; no streamlit, no reading of files."""
