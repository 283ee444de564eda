// Package worker drives what must happen later or elsewhere: it gives waiting conversations to agents and keeps queue
// length and availability known. The rules themselves are in the database.
//
// A Service reacts to the committed events it is shown (React) and to ticks. Both only mark a project as due; one run at a
// time per project does the work and looks at the database afresh. So an event may be shown twice, late, or by two
// workers at once: every write is conditional, and a second run finds nothing to do. A lost event costs at most one tick.
//
// Not guaranteed: that a reaction has run when React returns, or that it survives a crash. Start therefore marks every
// project that has something waiting.
package worker
