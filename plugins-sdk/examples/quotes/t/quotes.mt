# Alone it has nothing to do; see add-quote for both together.
need smtp
module quotes
start
command module list
expect output /quotes *yes *1.0/
