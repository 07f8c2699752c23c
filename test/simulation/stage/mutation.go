package stage

import (
	"encoding/json"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Mutation breaks something on purpose that histories must notice.
type Mutation struct {
	Name string
	// Within is the number of seeds among which one must notice.
	Within int
	// Forgets drops what the operator writes into a status, and says that it was done.
	Forgets bool
	// Hasty reconciles that often, whatever the reconciler asks for.
	Hasty time.Duration
	// Tells is added to each event.
	Tells string
	// Hoards keeps that many bytes for ever at each reconcile.
	Hoards int
	// Patch changes the body of a patch.
	Patch func(o client.Object, body map[string]any)
}

// Without takes a precondition out of what is written.
func Without(precondition string) func(client.Object, map[string]any) {
	return func(_ client.Object, body map[string]any) {
		if metadata, ok := body["metadata"].(map[string]any); ok {
			delete(metadata, precondition)
		}
	}
}

// patch is a patch as the mutation leaves it.
func (m *Mutation) patch(o client.Object, p client.Patch) client.Patch {
	if m == nil || m.Patch == nil {
		return p
	}
	body, err := p.Data(o)
	Must(err)
	var parts map[string]any
	Must(json.Unmarshal(body, &parts))
	m.Patch(o, parts)
	body, err = json.Marshal(parts)
	Must(err)
	return client.RawPatch(p.Type(), body)
}

// event is an event's text as the mutation leaves it.
func (m *Mutation) event(text string) string {
	if m == nil || m.Tells == "" {
		return text
	}
	return fmt.Sprintf("%s (%s)", text, m.Tells)
}
