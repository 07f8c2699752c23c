package stage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

var (
	errAPI = errors.New("etcdserver: request timed out")
	// ErrDead is what a process gets of the world that is gone.
	ErrDead = errors.New("the process is gone")
)

// Unreachable is why a process gets no answer from the API server.
func (l *Life) Unreachable() error {
	if l.Dead() {
		return ErrDead
	}
	if l.Cluster.APIDown {
		return errAPI
	}
	return nil
}

// client is the API server as one process uses it: what it writes is judged, and may be disturbed; what it watches comes late.
func (l *Life) client() client.WithWatch {
	c := l.Cluster
	return interceptor.NewClient(c.API, interceptor.Funcs{
		Get: func(ctx context.Context, api client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if err := l.Unreachable(); err != nil {
				return err
			}
			return api.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, api client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			time.Sleep(c.World.Delay(l.ID+"list "+wanted(list, opts), 20*time.Millisecond))
			if err := l.Unreachable(); err != nil {
				return err
			}
			return api.List(ctx, list, opts...)
		},
		Watch: func(ctx context.Context, api client.WithWatch, list client.ObjectList, opts ...client.ListOption) (watch.Interface, error) {
			if err := l.Unreachable(); err != nil {
				return nil, err
			}
			w, err := api.Watch(ctx, list, opts...)
			if err != nil {
				return nil, err
			}
			return newLate(ctx, c, l.ID+"watch "+wanted(list, opts), w), nil
		},
		Create: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return l.write(ctx, "create", o, func() error { return api.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return l.write(ctx, "update", o, func() error { return api.Update(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return l.write(ctx, "delete", o, func() error { return api.Delete(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, api client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption) error {
			verb := "patch"
			if creates(o, patch) {
				verb = ApplyNew
			}
			patch = c.World.Broken.patch(o, patch)
			return l.write(ctx, verb, o, func() error { return api.Patch(ctx, o, patch, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, api client.Client, sub string, o client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			if m := c.World.Broken; m != nil && m.Forgets {
				return nil
			}
			patch = c.World.Broken.patch(o, patch)
			return l.write(ctx, "patch "+sub+" of", o, func() error { return api.SubResource(sub).Patch(ctx, o, patch, opts...) })
		},
	})
}

// wanted names a list or a watch: no two at a time have one name.
func wanted(list client.ObjectList, opts []client.ListOption) string {
	o := (&client.ListOptions{}).ApplyOptions(opts)
	return fmt.Sprintf("%T %s in %s %v", list, list.GetObjectKind().GroupVersionKind().Kind, o.Namespace, o.FieldSelector)
}

// ApplyNew is the verb of an apply for what does not exist as far as the operator knows. It cannot be told to create only: what somebody else creates
// in the same moment is merged with it, unless they write the same fields.
const ApplyNew = "apply the new"

func creates(o client.Object, patch client.Patch) bool {
	if patch.Type() != types.ApplyPatchType {
		return false
	}
	body, err := patch.Data(o)
	Must(err)
	return !strings.Contains(string(body), `"resourceVersion"`)
}

// write is an effect of a process on the API server.
func (l *Life) write(ctx context.Context, verb string, o client.Object, do func() error) error {
	w := l.Cluster.World
	name := fmt.Sprintf("%s %T %s/%s", verb, o, o.GetNamespace(), o.GetName())
	time.Sleep(w.Delay(l.ID+name, 20*time.Millisecond))
	if err := l.refused(ctx, name, verb, o); err != nil {
		return err
	}
	l.meddle(o)
	before := l.Cluster.Stored(o)
	err := do()
	w.Say("%s: %s: %s", l, name, reasonOf(err))
	if _, secret := o.(*corev1.Secret); apierrors.IsInvalid(err) && !secret { // what somebody has made of a Secret may be what makes it invalid
		w.Violate("%s: %s is invalid: %v", l, name, err)
	}
	if err == nil {
		l.judge(name, verb, before, l.Cluster.Stored(o))
	}
	if lost := l.After(); lost != nil {
		return lost
	}
	return err
}

// refused is why a write does not reach the API server's store.
func (l *Life) refused(ctx context.Context, name, verb string, o client.Object) error {
	if err := l.Unreachable(); err != nil {
		return err
	}
	if err := l.Before(name, true); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // what stood still for longer than its request may take does not send it any more
		return err
	}
	if err := l.Unreachable(); err != nil {
		return err
	}
	objects := schema.GroupResource{Resource: "objects"}
	if l.Cluster.Forbids(name) {
		l.Cluster.World.Say("%s: %s: Forbidden", l, name)
		return apierrors.NewForbidden(objects, o.GetName(), errors.New("no right to"))
	}
	if l.plan.now && l.plan.what == conflicts && verb != "create" {
		l.plan = plan{}
		return apierrors.NewConflict(objects, o.GetName(), errors.New("somebody was quicker"))
	}
	return nil
}

// meddle lets somebody write first.
func (l *Life) meddle(o client.Object) {
	c := l.Cluster
	if _, secret := o.(*corev1.Secret); secret && o.GetNamespace() != OperatorNamespace && !c.World.Quiet && c.World.Odds(c.Meddlers) {
		l.interfere(o)
	}
	if l.plan.now && l.plan.what == quicker {
		l.plan = plan{}
		l.interfere(o)
	}
}

// judge is for a write that has taken effect.
func (l *Life) judge(name, verb string, before, after client.Object) {
	w := l.Cluster.World
	w.Count.Count(history.Totals, "writes")
	if before == nil && after != nil && verb != "create" && verb != ApplyNew {
		w.Violate("%s: %s brings back what somebody has deleted in that moment", l, name)
	}
	l.judgeReport(name, before, after)
	l.Cluster.Kind.Judge(l, name, before, after)
}

// Forbids is true for the name of a write that the operator has no right to.
func (c *Cluster) Forbids(name string) bool {
	return c.Forbidden != "" && strings.HasPrefix(name, c.Forbidden)
}

// OperatorNamespace is where the operator runs.
const OperatorNamespace = "operator"

func (l *Life) interfere(o client.Object) {
	l.Cluster.World.Count.Count(history.Faults, string(quicker))
	l.Cluster.Kind.Interfere(o)
}
