// Package rig is what the chaos run and the benchmarks share: the handoff binary as child processes, a stand-in whose
// Postgres can be restarted under it, and people who act on the database as PostgREST would let them.
//
// A rig owns what it starts: Process.Stop and StandIn.Stop return when the processes are gone. Children are in process
// groups of their own, so that Ctrl-C in a terminal reaches the rig alone, which then ends them in order.
package rig
