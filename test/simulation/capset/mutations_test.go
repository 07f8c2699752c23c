package capset

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

var mutations = []*stage.Mutation{
	{Name: "a write without its resourceVersion", Within: 20, Patch: ofSecrets(stage.Without("resourceVersion"))},
	{Name: "a write without its UID", Within: 20, Patch: ofSecrets(stage.Without("uid"))},
	{Name: "a write that changes a foreign key", Within: 10, Patch: ofSecrets(func(_ client.Object, body map[string]any) {
		if data, ok := body["data"].(map[string]any); ok {
			data[foreignKey] = "bG9zdA=="
		}
	})},
	{Name: "a reconciler that does not wait", Within: 5, Hasty: 100 * time.Millisecond},
	{Name: "a secret in an event", Within: 5, Tells: foreignSecret},
}

// ofSecrets limits a change to the patches of Secrets.
func ofSecrets(change func(client.Object, map[string]any)) func(client.Object, map[string]any) {
	return func(o client.Object, body map[string]any) {
		if _, ok := o.(*corev1.Secret); ok {
			change(o, body)
		}
	}
}

func TestMutations_EachIsNoticed(t *testing.T) { stage.CheckMutations(t, mutations, run) }
