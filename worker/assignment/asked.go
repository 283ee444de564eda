package assignment

// Asked is what came of the offers of a chat since it waits. The zero value: nobody was asked.
//
// Nobody is asked twice in a round. Who was never asked comes first, by the strategy; then who was asked in an earlier round
// only, the oldest refusal first. When nobody is left who could take the chat, it rests, until Again says that another round
// may begin.
type Asked struct {
	// Round is the round of the last offer; zero or one: the first.
	Round int
	// Again says that a new round may begin when nobody is left in this one.
	Again bool
	// Refusals are the agents who missed or declined an offer, each with the last one, the oldest first.
	Refusals []Refusal
}

// Refusal is an offer that the agent did not take.
type Refusal struct {
	AgentID  string
	Round    int
	Declined bool
}

// refusal is the agent's, nil for who was never asked.
func (a Asked) refusal(agentID string) *Refusal {
	for i := range a.Refusals {
		if a.Refusals[i].AgentID == agentID {
			return &a.Refusals[i]
		}
	}
	return nil
}

// roundOf is the round in which the agent is asked now.
func (a Asked) roundOf(agentID string) int {
	round := max(a.Round, 1)
	if refusal := a.refusal(agentID); refusal != nil && refusal.Round >= round {
		return refusal.Round + 1
	}
	return round
}

func (r Refusal) verdict() Verdict {
	if r.Declined {
		return DeclinedOffer
	}
	return MissedOffer
}

// chooseAsked returns who is asked next for a chat that somebody has refused, or nil when nobody may be asked now.
func (t *team) chooseAsked(chat Chat) *candidate {
	if preferred := t.byID[chat.PreferredAgentID]; preferred != nil && chat.Asked.refusal(preferred.ID) == nil && preferred.canTake(chat) {
		return preferred
	}
	if chat.HoldsForPreferred && chat.PreferredAgentID != chat.AvoidedAgentID && chat.Asked.refusal(chat.PreferredAgentID) == nil {
		return nil
	}
	if fresh := t.firstNeverAsked(chat); fresh != nil {
		return fresh
	}
	if earlier := t.oldestRefusal(chat, func(round int) bool { return round < chat.Asked.Round }); earlier != nil || !chat.Asked.Again {
		return earlier
	}
	return t.oldestRefusal(chat, func(int) bool { return true })
}

func (t *team) firstNeverAsked(chat Chat) *candidate {
	var first *candidate
	for _, member := range t.heap {
		if member.canTake(chat) && chat.Asked.refusal(member.ID) == nil && (first == nil || t.before(member, first)) {
			first = member
		}
	}
	return first
}

func (t *team) oldestRefusal(chat Chat, inRound func(round int) bool) *candidate {
	for _, refusal := range chat.Asked.Refusals {
		if member := t.byID[refusal.AgentID]; member != nil && inRound(refusal.Round) && member.canTake(chat) {
			return member
		}
	}
	return nil
}

// canTake says whether the agent has a slot left and the skills, and has not just given the chat back.
func (c *candidate) canTake(chat Chat) bool {
	return c.place >= 0 && c.ID != chat.AvoidedAgentID && covers(c.Skills, chat.RequiredSkills)
}
