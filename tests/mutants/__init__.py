"""Every comparison, boundary and null branch of the rules changed once; some test must notice."""
