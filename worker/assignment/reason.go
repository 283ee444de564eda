package assignment

import "time"

// Reason is why an agent was chosen. The texts are stored; handoff.assignment_reason puts them into words.
type Reason string

// The reasons. All but the first four are the respect in which the chosen agent was ahead of the next one.
const (
	Preferred              Reason = "preferred"
	OnlyCandidate          Reason = "only_candidate"
	AskedAgain             Reason = "asked_again"    // everybody who may take it has refused it; here the oldest refusal
	FirstInOrder           Reason = "first_in_order" // the next one who might have taken it was not among those shown
	MostFreeSlots          Reason = "most_free_slots"
	LongestSinceAssignment Reason = "longest_since_assignment"
	WithoutChat            Reason = "without_chat"
	IdleLongest            Reason = "longest_idle"
	SmallestID             Reason = "smallest_id"
)

// Verdict is what was decided about a candidate. The texts are stored; handoff.assignment_verdict puts them into words.
type Verdict string

// The verdicts.
const (
	Chosen         Verdict = "chosen"
	LacksSkills    Verdict = "lacks_skills"
	GaveItBack     Verdict = "gave_it_back"
	MissedOffer    Verdict = "missed_offer"
	DeclinedOffer  Verdict = "declined_offer"
	NotPreferred   Verdict = "not_preferred"
	FewerFreeSlots Verdict = "fewer_free_slots"
	AssignedLater  Verdict = "assigned_later"
	HasChats       Verdict = "has_chats"
	IdleShorter    Verdict = "idle_shorter"
	HigherID       Verdict = "higher_id"
)

// Candidate is an agent with a free slot as the decision saw it.
type Candidate struct {
	ID             string    `json:"id"`
	FreeSlots      int       `json:"free_slots"`
	LastAssignedAt time.Time `json:"last_assigned_at,omitzero"`
	// Turn is the number of the last assignment of the same batch that the agent got; it is later than LastAssignedAt.
	Turn    int     `json:"turn,omitempty"`
	Verdict Verdict `json:"verdict"`
}

// What a record of a decision may hold: everybody worth a look when few chats are given, less when thousands are, so that a
// burst does not spend its time on writing candidates.
const (
	mostCandidates     = 20
	fewestCandidates   = 3
	candidatesPerBatch = 1000
)

// candidatesShown is how many candidates each of so many decisions records.
func candidatesShown(chats int) int {
	return min(max(candidatesPerBatch/max(chats, 1), fewestCandidates), mostCandidates)
}

// explain describes the choice before it is carried out: at most limit candidates in the order of the strategy, and why the
// chosen one is it.
func (t *team) explain(chat Chat, chosen *candidate, limit int) ([]Candidate, Reason) {
	looked := t.first(limit)
	candidates := make([]Candidate, 0, len(looked))
	reason, seen := t.fallbackReason(chat, chosen, len(looked)), false
	for _, other := range looked {
		verdict, wins := t.judge(chat, chosen, other)
		if wins != "" && (reason == OnlyCandidate || reason == FirstInOrder) {
			reason = wins
		}
		seen = seen || other == chosen
		candidates = append(candidates, other.described(verdict))
	}
	if !seen {
		// It was further down: those above it may not take the chat, or are not preferred.
		candidates[len(candidates)-1] = chosen.described(Chosen)
	}
	return candidates, reason
}

// fallbackReason is the reason when no candidate is told apart by the strategy.
func (t *team) fallbackReason(chat Chat, chosen *candidate, looked int) Reason {
	switch {
	case chat.Asked.refusal(chosen.ID) != nil:
		return AskedAgain
	case chosen.ID == chat.PreferredAgentID:
		return Preferred
	case looked == t.Len():
		return OnlyCandidate
	default:
		return FirstInOrder
	}
}

// judge is the verdict on one candidate and, if the strategy decided between the two, why the chosen one was ahead.
func (t *team) judge(chat Chat, chosen, other *candidate) (Verdict, Reason) {
	switch {
	case other == chosen:
		return Chosen, ""
	case !covers(other.Skills, chat.RequiredSkills):
		return LacksSkills, ""
	case other.ID == chat.AvoidedAgentID:
		return GaveItBack, ""
	}
	if refusal := chat.Asked.refusal(other.ID); refusal != nil {
		return refusal.verdict(), ""
	}
	if chosen.ID == chat.PreferredAgentID {
		return NotPreferred, ""
	}
	for _, respect := range t.criteria {
		if respect.compare(chosen, other) != 0 {
			return respect.loses, respect.wins
		}
	}
	return HigherID, SmallestID
}

func (c *candidate) described(verdict Verdict) Candidate {
	return Candidate{ID: c.ID, FreeSlots: c.FreeSlots, LastAssignedAt: c.LastAssignedAt, Turn: c.turn, Verdict: verdict}
}
