package pullsecret

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

var mutations = []*stage.Mutation{
	{Name: "a status that is not stored", Within: 5, Forgets: true},
	{Name: "a write that loses an entry", Within: 10, Patch: func(o client.Object, body map[string]any) {
		if secret, ok := o.(*corev1.Secret); ok {
			body["data"] = map[string]any{corev1.DockerConfigJsonKey: with(secret.Data[corev1.DockerConfigJsonKey], "registry.example.com", "")}
		}
	}},
	{Name: "a write without its resourceVersion", Within: 15, Patch: stage.Without("resourceVersion")},
	{Name: "a reconciler that does not wait", Within: 5, Hasty: time.Second},
	{Name: "a secret in an event", Within: 5, Tells: foreignSecret},
}

func TestMutations_EachIsNoticed(t *testing.T) { stage.CheckMutations(t, mutations, run) }
