package forecast

import "math"

// game plays a state forward, again and again. Its slices are reused: a play allocates nothing.
type game struct {
	handling handling
	patience float64
	classes  []class
	agents   []player
	// running are the chats that agents have now.
	running []running
	// served is how far each class was served in this play.
	served []int
	slots  slots
}

// player is an agent.
type player struct {
	// classes are those whose chats the agent may take at some time.
	classes []int
	// free slots at the beginning; negative when the agent has more chats than the limit.
	free int
}

// running is a chat that an agent has.
type running struct {
	agent, older int
	age          float64
}

func newGame(state State) *game {
	g := &game{
		handling: newHandling(state.Handling), patience: state.Patience.Seconds(),
		classes: classify(state.Chats), agents: make([]player, len(state.Agents)),
	}
	name(g.classes, state.Agents)
	g.served = make([]int, len(g.classes))
	for i, agent := range state.Agents {
		g.agents[i] = player{classes: eligible(g.classes, agent), free: agent.Limit - len(agent.Ages)}
		for _, age := range agent.Ages {
			seconds := max(age.Seconds(), 0)
			g.running = append(g.running, running{agent: i, age: seconds, older: g.handling.older(seconds)})
		}
	}
	return g
}

// play serves the queue once and tells after how many seconds each chat would be taken if its customer stays; those that
// nobody takes, after an infinite time.
func (g *game) play(number int, tell func(chat int, seconds float64)) {
	g.begin(number)
	for g.slots.len() > 0 {
		slot := g.slots.pop()
		class := g.next(slot)
		if class < 0 {
			if again := g.opens(slot); !math.IsInf(again, 1) {
				g.slots.push(freed{at: again, agent: slot.agent})
			}
			continue
		}
		chat := g.classes[class].chats[g.served[class]]
		g.served[class]++
		tell(chat, slot.at)
		if g.left(number, chat, slot.at) {
			g.slots.push(slot) // the slot is still free: who would have had it is gone
			continue
		}
		g.slots.push(freed{at: slot.at + g.handling.draw(uniform(number, chat, drawHandling)), agent: slot.agent})
	}
	for class := range g.classes {
		for _, chat := range g.classes[class].chats[g.served[class]:] {
			tell(chat, math.Inf(1))
		}
	}
}

// begin sets the play up: the slots that are free, and when the others fall free.
func (g *game) begin(number int) {
	clear(g.served)
	g.slots.reset()
	for i, agent := range g.agents {
		for range agent.free {
			g.slots.add(freed{agent: i})
		}
	}
	for i, chat := range g.running {
		at := g.handling.residual(chat.age, chat.older, uniform(number, i, drawResidual))
		g.slots.add(freed{at: at, agent: chat.agent})
	}
	g.slots.order()
	for i, agent := range g.agents {
		if agent.free < 0 {
			g.slots.dropFirst(i, -agent.free)
		}
	}
}

// next is the class whose first chat the slot's agent takes: of all that the agent may take now the one that is first in
// the queue. -1 when there is none.
func (g *game) next(slot freed) int {
	best, first := -1, math.MaxInt
	for _, class := range g.agents[slot.agent].classes {
		of := &g.classes[class]
		if g.served[class] < len(of.chats) && of.chats[g.served[class]] < first && of.opensFor(slot.agent) <= slot.at {
			best, first = class, of.chats[g.served[class]]
		}
	}
	return best
}

// opens is when the slot's agent may take a chat that is still kept from this agent; infinite when there is none.
func (g *game) opens(slot freed) float64 {
	soonest := math.Inf(1)
	for _, class := range g.agents[slot.agent].classes {
		if g.served[class] < len(g.classes[class].chats) {
			soonest = min(soonest, g.classes[class].opensFor(slot.agent))
		}
	}
	return soonest
}

// left says whether the chat's customer was gone by then.
func (g *game) left(number, chat int, at float64) bool {
	return g.patience > 0 && -g.patience*math.Log(1-uniform(number, chat, drawPatience)) < at
}
