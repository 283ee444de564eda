package replication

import "time"

// SetQuietTime lets a test see a vanished server without waiting for quietTime.
func (s *Stream) SetQuietTime(quiet time.Duration) { s.quiet = quiet }

// SetProbeInterval lets a test see a shutdown during a blockage without waiting for probeInterval.
func (s *Stream) SetProbeInterval(interval time.Duration) { s.probeInterval = interval }

// SetRecheck lets a test see the way back from polling without waiting for recheckInterval.
func (s *Stream) SetRecheck(recheck time.Duration) { s.recheck = recheck }

// OperatorDelay is the wait that tests of wrong passwords measure against.
const OperatorDelay = operatorDelay
