package forecast

// freed is a slot of an agent that is free from then on.
type freed struct {
	at    float64
	agent int
}

// before orders slots by when they fall free, then by agent, so that equal states play equally.
func (f freed) before(other freed) bool {
	return f.at < other.at || (f.at == other.at && f.agent < other.agent)
}

// slots is a heap, the first to fall free on top. It is written out: container/heap allocates for each slot.
type slots struct{ heap []freed }

func (s *slots) len() int { return len(s.heap) }

func (s *slots) reset() { s.heap = s.heap[:0] }

// add puts a slot in without keeping the order; call order before anything else.
func (s *slots) add(slot freed) { s.heap = append(s.heap, slot) }

func (s *slots) order() {
	for parent := len(s.heap)/2 - 1; parent >= 0; parent-- {
		s.sink(parent)
	}
}

func (s *slots) push(slot freed) {
	s.heap = append(s.heap, slot)
	for child := len(s.heap) - 1; child > 0; {
		parent := (child - 1) / 2
		if !s.heap[child].before(s.heap[parent]) {
			return
		}
		s.heap[child], s.heap[parent] = s.heap[parent], s.heap[child]
		child = parent
	}
}

func (s *slots) pop() freed {
	top, last := s.heap[0], len(s.heap)-1
	s.heap[0] = s.heap[last]
	s.heap = s.heap[:last]
	s.sink(0)
	return top
}

func (s *slots) sink(parent int) {
	for {
		child := 2*parent + 1
		if child >= len(s.heap) {
			return
		}
		if child+1 < len(s.heap) && s.heap[child+1].before(s.heap[child]) {
			child++
		}
		if !s.heap[child].before(s.heap[parent]) {
			return
		}
		s.heap[child], s.heap[parent] = s.heap[parent], s.heap[child]
		parent = child
	}
}

// dropFirst takes away the first count slots of the agent: they end chats beyond the limit and free nothing.
func (s *slots) dropFirst(agent, count int) {
	kept := s.heap[:0:0]
	for s.len() > 0 {
		slot := s.pop()
		if slot.agent == agent && count > 0 {
			count--
			continue
		}
		kept = append(kept, slot)
	}
	s.heap = append(s.heap, kept...) // sorted, and so a heap
}
