"""Pages of one file each: their HTML, CSS and JavaScript, and the code that combines these."""
