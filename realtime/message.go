package realtime

import "encoding/json"

// Topic is a Realtime channel name without the "realtime:" prefix of the wire.
type Topic string

// ConversationTopic carries everything both sides of one conversation may see.
func ConversationTopic(conversationID string) Topic {
	return Topic("conversation:" + conversationID)
}

// ProjectAgentsTopic carries queue and team news to every member of a project.
func ProjectAgentsTopic(projectID string) Topic {
	return Topic("project:" + projectID + ":agents")
}

// ProjectWidgetTopic carries availability to every widget of a project. It is the only public topic.
func ProjectWidgetTopic(projectID string) Topic {
	return Topic("project:" + projectID + ":widget")
}

// AgentTopic carries what concerns one agent alone.
func AgentTopic(userID string) Topic {
	return Topic("agent:" + userID)
}

// PresenceTopic carries who of a project's team is there.
func PresenceTopic(projectID string) Topic {
	return Topic("presence:" + projectID)
}

// Message is one broadcast: what subscribers of a topic receive.
type Message struct {
	Topic Topic
	// Name is the broadcast event's name, for example "agent_assigned".
	Name string
	// Private says that only subscribers allowed by the policies on realtime.messages get it. It must match how
	// they joined: Realtime keeps a private and a public room of the same name apart.
	Private bool
	// Payload is a JSON object {"v":1,"id":...,...}.
	Payload json.RawMessage
}
