"""Make single-file pages: their HTML, CSS and JavaScript, and the code that combines them."""
