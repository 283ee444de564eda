// Package gauge has what a measurement of the way from a commit to a subscriber is made of: a subscriber with a precise
// clock, the moments of numbered messages, an open loop that keeps a rate, percentiles.
//
// The rigs of bench use it against a stand-in, `handoff bench` against a team's own project, so that both measure the same.
package gauge
