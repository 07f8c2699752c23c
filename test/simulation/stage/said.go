package stage

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// logger takes what is logged: for the steps that were decided, and because no secret may be in it.
func (l *Life) logger() logr.Logger {
	w := l.Cluster.World
	return funcr.New(func(_, line string) {
		if _, step, ok := strings.Cut(line, `"step"="`); ok {
			step, _, _ = strings.Cut(step, `"`)
			w.Count.Count(history.Decisions, step)
		}
		w.Scan("a log line", line)
	}, funcr.Options{Verbosity: 1})
}

// Recorder takes the events.
type Recorder struct{ Life *Life }

// Eventf implements events.EventRecorder.
func (e Recorder) Eventf(_ runtime.Object, _ runtime.Object, kind, reason, action, note string, args ...any) {
	w := e.Life.Cluster.World
	text := w.Broken.event(fmt.Sprintf(note, args...))
	w.Count.Count(history.Reasons, reason)
	w.Count.Count(history.Decisions, action)
	w.Scan("an event", text)
	w.Say("%s: event %s %s %s: %s", e.Life, kind, reason, action, text)
}

// Same is true for two versions of an object that differ at most in what every write changes.
func Same(before, after client.Object) bool {
	return before.GetUID() == after.GetUID() && equality.Semantic.DeepEqual(bare(before), bare(after))
}

// bare is an object without what every write changes. Its content is shared.
func bare(o client.Object) client.Object {
	shallow := reflect.New(reflect.TypeOf(o).Elem())
	shallow.Elem().Set(reflect.ValueOf(o).Elem())
	out := shallow.Interface().(client.Object)
	out.SetResourceVersion("")
	out.SetManagedFields(nil)
	return out
}
