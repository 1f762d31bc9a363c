"""Pages that are one file each: their HTML, CSS and JavaScript, and what puts them together."""
