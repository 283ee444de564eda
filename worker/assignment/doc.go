// Package assignment decides which agent gets which waiting chat. It is pure: no clock, no I/O, no shared state.
//
// The chats are served in the order given, each as if it were alone: who may take it (a free slot, the skills it asks for,
// not the agent who has just given it back), and who of these is first by the project's Strategy. A chat's preferred agent
// comes before all others while a slot is free there, and for a while the chat waits for one who is online but full. A chat
// that nobody may take stays where it is and holds up nobody behind it. Plan does a whole batch and gives exactly what doing
// it one chat at a time would give; each assignment tells who else was looked at and why it was not they.
package assignment
