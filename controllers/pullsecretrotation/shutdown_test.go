package pullsecretrotation

import (
	"context"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// A process that is told to end in the middle of a reconcile has not failed: it tells nobody so.
func TestReconcile_AShutdownIsNoFailure(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	recorder := events.NewFakeRecorder(10)
	m.r.Recorder = recorder
	ctx, shutdown := context.WithCancel(t.Context())
	m.r.Reader = interceptor.NewClient(m.client.(client.WithWatch), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			shutdown()
			return errors.Join(ctx.Err(), errors.New("the request was cut off"))
		},
	})
	if _, err := m.r.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Name: "account"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("the reconcile ends with %v", err)
	}
	if len(recorder.Events) > 0 {
		t.Errorf("it tells %s", <-recorder.Events)
	}
	if conditions := m.get(t).Status.Conditions; len(conditions) > 0 {
		t.Errorf("it reports %v", conditions)
	}
}
