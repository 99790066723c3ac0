"""What drills stand on: a node that obeys, a proxy that lies and loses, databases that nobody misses."""
