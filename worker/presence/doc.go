// Package presence says what the worker does about who is there: every five seconds it ends the leases that have run out and
// suspects silent agents, and once an hour it collects what nothing stands behind any more. The rules are in the database
// (98_presence_sweep.sql); the Store calls them, a schedule.Scheduler calls the Store.
//
// Every worker runs the ticks, leader or standby: the database lets one sweep at a time through. Nothing that is read of
// presence waits for a sweep: leases that have run out are left out when they are read.
package presence
