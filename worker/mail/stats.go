package mail

import "sync/atomic"

// Stats is a look at a Service, for metrics. Counts are since New.
type Stats struct {
	// Sent and Failed count attempts, GivenUp those among Failed that are not tried again.
	Sent, Failed, GivenUp uint64
}

// Stats gives the numbers of this moment.
func (s *Service) Stats() Stats {
	return Stats{Sent: s.tally.sent.Load(), Failed: s.tally.failed.Load(), GivenUp: s.tally.givenUp.Load()}
}

// tally are the numbers behind Stats.
type tally struct{ sent, failed, givenUp atomic.Uint64 }

func (t *tally) fail(permanent bool) {
	t.failed.Add(1)
	if permanent {
		t.givenUp.Add(1)
	}
}
