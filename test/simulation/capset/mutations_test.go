package capset

import (
	"encoding/json"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// mutation breaks something on purpose that histories must notice.
type mutation struct {
	name string
	// within is the number of seeds among which one must notice.
	within int
	// blind takes the resourceVersion out of what is written to Secrets, mistaken the UID.
	blind, mistaken bool
	// loses writes a foreign key of each Secret anew.
	loses bool
	// hasty reconciles ten times a second, whatever the reconciler asks for.
	hasty bool
	// tells adds a secret to each event.
	tells bool
}

var mutations = []*mutation{
	{name: "a write without its resourceVersion", within: 20, blind: true},
	{name: "a write without its UID", within: 20, mistaken: true},
	{name: "a write that changes a foreign key", within: 10, loses: true},
	{name: "a reconciler that does not wait", within: 5, hasty: true},
	{name: "a secret in an event", within: 5, tells: true},
}

func TestMutations_EachIsNoticed(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			for seed := range m.within {
				if out := run(m)(t, uint64(seed+1), history.Steps(), history.NewTally()); len(out.Violations) > 0 {
					t.Logf("seed %d notices after %d steps: %s", seed+1, out.Steps, out.Violations[0])
					return
				}
			}
			t.Errorf("none of %d seeds notices", m.within)
		})
	}
}

// patch is a patch as the mutation leaves it.
func (m *mutation) patch(o client.Object, p client.Patch) client.Patch {
	if _, ok := o.(*corev1.Secret); !ok || m == nil || !m.loses && !m.blind && !m.mistaken {
		return p
	}
	body, err := p.Data(o)
	must(err)
	var parts map[string]any
	must(json.Unmarshal(body, &parts))
	metadata, _ := parts["metadata"].(map[string]any)
	if m.blind {
		delete(metadata, "resourceVersion")
	}
	if m.mistaken {
		delete(metadata, "uid")
	}
	if data, ok := parts["data"].(map[string]any); ok && m.loses {
		data[foreignKey] = "bG9zdA=="
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
