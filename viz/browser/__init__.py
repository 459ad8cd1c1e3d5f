"""One page for the browser and for notebooks; its source is in web/."""
