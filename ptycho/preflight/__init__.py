"""What measured data must look like before anything is trained on them."""
