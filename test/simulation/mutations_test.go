package simulation

import (
	"encoding/json"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// mutation breaks something on purpose that histories must notice.
type mutation struct {
	name string
	// within is the number of seeds among which one must notice.
	within int
	// forgets drops what the operator writes into the status, and says that it was done.
	forgets bool
	// loses takes a customer's entry out of each pull secret that is written.
	loses bool
	// blind takes the resourceVersion out of what is sent, so that a write replaces what nobody has looked at.
	blind bool
	// hasty reconciles each second, whatever the reconciler asks for.
	hasty bool
	// tells adds a secret to each event.
	tells bool
}

var mutations = []*mutation{
	{name: "a status that is not stored", within: 5, forgets: true},
	{name: "a write that loses an entry", within: 10, loses: true},
	{name: "a write without its resourceVersion", within: 15, blind: true},
	{name: "a reconciler that does not wait", within: 5, hasty: true},
	{name: "a secret in an event", within: 5, tells: true},
}

func TestMutations_EachIsNoticed(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			for seed := range m.within {
				if out := history(t, uint64(seed+1), *stepsFlag, m, newTally()); len(out.violations) > 0 {
					t.Logf("seed %d notices after %d steps: %s", seed+1, out.steps, out.violations[0])
					return
				}
			}
			t.Errorf("none of %d seeds notices", m.within)
		})
	}
}

// patch is a patch as the mutation leaves it.
func (m *mutation) patch(o client.Object, p client.Patch) client.Patch {
	if m == nil || !m.loses && !m.blind {
		return p
	}
	body, err := p.Data(o)
	must(err)
	var parts map[string]any
	must(json.Unmarshal(body, &parts))
	if metadata, ok := parts["metadata"].(map[string]any); ok && m.blind {
		delete(metadata, "resourceVersion")
	}
	if secret, ok := o.(*corev1.Secret); ok && m.loses {
		document := with(secret.Data[corev1.DockerConfigJsonKey], "registry.example.com", "")
		parts["data"] = map[string]any{corev1.DockerConfigJsonKey: document}
	}
	body, err = json.Marshal(parts)
	must(err)
	return client.RawPatch(p.Type(), body)
}

// event is an event's text as the mutation leaves it.
func (m *mutation) event(text string) string {
	if m == nil || !m.tells {
		return text
	}
	return fmt.Sprintf("%s (%s)", text, foreignSecret)
}
