// Package inactivity says what the worker does by the clock, and how often: chats that fall silent or are left, agents who
// are gone, opening and closing hours, and what is no longer needed. The rules are in the database (92_clock.sql to 97_retention.sql); the
// Store calls them, a schedule.Scheduler calls the Store.
//
// Every worker runs the ticks, leader or standby: the calls take turns in the database by skipping what is locked, and a
// second one finds nothing to do.
package inactivity
