// Package simulation plays a team in virtual time: chats arrive, wait, are given out by the planner that serves real projects
// (worker/assignment), are handled, or leave when their patience ends. It is pure: no clock, no I/O, and equal scenarios give
// equal results.
//
// Run plays one scenario; Sweep plays the same arrivals with several strategies and sizes of team, so that what differs between
// the results is the team and not luck.
package simulation
