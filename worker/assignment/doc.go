// Package assignment decides which agent gets which waiting chat. It is pure: no clock, no I/O, no shared state.
//
// The rule is balanced assignment (F001 5.5.2): the chat at the head of the queue goes to the agent with the most free
// slots; among equals to the one whose last assignment is longest ago (never counts as longest); among those to the
// smallest id, so that the same input always gives the same plan. A chat's preferred agent comes before all others while
// a slot is free there, and whoever has just given it back does not get it. Plan does a whole batch and gives exactly what doing it
// one chat at a time would give.
package assignment
