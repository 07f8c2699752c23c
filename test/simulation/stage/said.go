package stage

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
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

// Bare is an object without what every write changes.
func Bare(o client.Object) string {
	o = o.DeepCopyObject().(client.Object)
	o.SetResourceVersion("")
	o.SetManagedFields(nil)
	raw, err := json.Marshal(o)
	Must(err)
	return string(raw)
}
