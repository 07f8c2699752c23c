package pullsecretrotation

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// An admission policy may quote the object that it refuses, whole or in parts. For a pull secret that is each credential in it.
func TestAPolicyThatQuotesTheObject_ReachesNoStatusNoEventAndNoLog(t *testing.T) {
	kind := schema.GroupKind{Kind: "Secret"}
	resource := schema.GroupResource{Resource: "secrets"}
	for name, refuse := range map[string]func(text string) error{
		"a policy": func(s string) error {
			return apierrors.NewInvalid(kind, "s", field.ErrorList{field.Forbidden(field.NewPath("data"), s)})
		},
		"a webhook":         func(s string) error { return apierrors.NewForbidden(resource, "s", errors.New("denied: "+s)) },
		"a webhook's panic": func(s string) error { return apierrors.NewInternalError(errors.New(s)) },
		"a bad request":     func(s string) error { return apierrors.NewBadRequest(s) },
	} {
		for _, which := range []string{"target", "backup"} {
			t.Run(name+" on a "+which, func(t *testing.T) {
				m := newMeter(t, simocm.Options{}, isDueNow())
				var quoted []string // passwords
				quote := func(o client.Object) error {
					secret, ok := o.(*corev1.Secret)
					if !ok || which == "target" != (secret.Type == corev1.SecretTypeDockerConfigJson) {
						return nil
					}
					var text strings.Builder
					for _, document := range secret.Data {
						text.Write(document)
						quoted = append(quoted, passwords(t, document)...)
					}
					if len(quoted) == 0 {
						t.Fatal("the object holds no credential")
					}
					return refuse(text.String() + " " + strings.Join(quoted, " "))
				}
				m.r.Client = interceptor.NewClient(m.client.(client.WithWatch), interceptor.Funcs{
					Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
						if err := quote(o); err != nil {
							return err
						}
						return c.Create(ctx, o, opts...)
					},
					Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
						if err := quote(o); err != nil {
							return err
						}
						return c.Patch(ctx, o, p, opts...)
					},
				})
				recorder := events.NewFakeRecorder(1000)
				m.r.Recorder = recorder
				var said strings.Builder
				ctx := log.IntoContext(t.Context(), funcr.New(func(_, args string) { said.WriteString(args) }, funcr.Options{Verbosity: 6}))
				for range 30 {
					if m.sim.RunBatch(); len(quoted) > 0 && m.seen != nil && m.seen.Status.WaitingFor != "" {
						break
					}
					result, err := m.r.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Name: "account"}})
					if err != nil {
						said.WriteString(err.Error())
					}
					m.next, m.seen = m.sim.Now().Add(result.RequeueAfter), m.get(t)
					m.wait()
				}
				if len(quoted) == 0 {
					t.Fatalf("nothing was refused; the reason is %s", readyReason(m.seen))
				}
				status, _ := json.Marshal(m.seen.Status)
				said.Write(status)
				close(recorder.Events)
				for event := range recorder.Events {
					said.WriteString(event)
				}
				for _, secret := range quoted {
					for i := 0; i+12 <= len(secret); i++ {
						if strings.Contains(said.String(), secret[i:i+12]) {
							t.Fatalf("a part of a credential came through: %s", said.String())
						}
					}
				}
				if reason := readyReason(m.seen); which == "target" && reason == v1alpha1.ReasonForbidden {
					t.Errorf("a refusal is taken for a missing right: %s", reason)
				}
			})
		}
	}
}

// passwords in a document, and what holds them.
func passwords(t *testing.T, document []byte) []string {
	t.Helper()
	var parsed struct {
		Auths map[string]struct{ Auth string }
	}
	if err := json.Unmarshal(document, &parsed); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, entry := range parsed.Auths {
		decoded, err := base64.StdEncoding.DecodeString(entry.Auth)
		if err != nil {
			t.Fatal(err)
		}
		_, password, _ := strings.Cut(string(decoded), ":")
		list = append(list, entry.Auth, password, fmt.Sprint([]byte(password)))
	}
	return list
}

// noRight is how RBAC refuses.
const noRight = `User "system:serviceaccount:operator:credential-rotation-operator" cannot patch resource "secrets" in API group "" in the namespace "n"`
