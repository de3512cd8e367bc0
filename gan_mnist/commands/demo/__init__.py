"""Shows exported models in a browser: draw a digit, generate images, denoise a mixture."""
