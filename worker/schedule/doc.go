// Package schedule runs what must happen by the clock and by nothing else.
//
// A Scheduler has named ticks. Each is a call that does a bounded piece of work and says how much it found; it is
// repeated at once while it finds as much as it may, so a backlog is worked off in small transactions. One goroutine a
// tick: a tick never runs twice at the same time, and times that come while it runs become one run afterwards. The
// rhythm is robfig/cron's. A run that fails is logged and left to the next time: what it did not do is still due then.
//
// Guaranteed: every tick runs once soon after Start, then at its rhythm, until Stop returns.
//
// Not guaranteed: that a tick runs on one worker alone. The work must be safe to do twice at once.
package schedule
