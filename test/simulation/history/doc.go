// Package history is what the simulations of both kinds share: the journal of one history, the counts of many, the search for the fewest steps after
// which a seed fails, and the command line.
package history
