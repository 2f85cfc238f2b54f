"""Jobs on other machines: who runs them is chosen here, and a worker that is not as this machine is refused."""
