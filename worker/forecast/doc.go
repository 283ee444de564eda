// Package forecast says how long those who wait will still wait: a range, by playing the next minutes of a project many times.
// It is pure: no clock, no I/O, no shared state, and the same state always gives the same answer.
//
// One play gives each running chat a remaining life and each waiting chat a handling time, both drawn from what the project's
// agents took lately, and serves the queue in its order: a slot that falls free goes to the first chat that its agent may
// take. The P50 and P90 of a chat are what half and nine tenths of the plays stayed within. All chats draw from numbers of
// their own, whatever the size of the team: with one agent more every play of a plain queue is at least as quick.
//
// What it cannot know: agents who come and go, urgent chats that are yet to come, and that an agent with many chats at once
// takes longer over each. How far it is off is measured in the database (handoff.wait_promises).
package forecast
