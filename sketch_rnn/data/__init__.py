"""Reading drawings from untrusted files."""
