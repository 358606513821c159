// the script of the page
