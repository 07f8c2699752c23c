package cluster

import (
	"reflect"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// objects stores the parsed objects of one kind by namespace/name. It is an objectwatch.Sink.
type objects struct {
	// parse extracts what matters from an object; false drops the object.
	parse func(runtime.Object) (any, bool)
	// changed is called without the lock, and only if something that matters has changed. It gets the name of the object if only one has changed.
	changed func(object string)

	mu    sync.Mutex
	kept  map[string]any
	known bool
	err   error
}

// all returns the stored objects, whether they have been read, and why they cannot be read.
func (s *objects) all() (kept []any, known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.kept {
		kept = append(kept, v)
	}
	return kept, s.known, s.err
}

// has returns whether a cluster-scoped object is stored, and whether that is known.
func (s *objects) has(name string) (kept, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, kept = s.kept[name]
	return kept, s.known && s.err == nil
}

// Replace implements objectwatch.Sink.
func (s *objects) Replace(all []runtime.Object) {
	now := make(map[string]any, len(all))
	for _, o := range all {
		if v, ok := s.parse(o); ok {
			now[key(o)] = v
		}
	}
	s.change(func() bool {
		news := !s.known || s.err != nil || !reflect.DeepEqual(s.kept, now)
		s.kept, s.known, s.err = now, true, nil
		return news
	}, "")
}

// Put implements objectwatch.Sink.
func (s *objects) Put(o runtime.Object) {
	v, ok := s.parse(o)
	if !ok {
		s.Delete(o)
		return
	}
	s.change(func() bool {
		before, had := s.kept[key(o)]
		s.kept[key(o)] = v
		return !had || !reflect.DeepEqual(before, v)
	}, key(o))
}

// Delete implements objectwatch.Sink.
func (s *objects) Delete(o runtime.Object) {
	s.change(func() bool {
		_, had := s.kept[key(o)]
		delete(s.kept, key(o))
		return had
	}, key(o))
}

// Failed implements objectwatch.Sink. A kind that does not exist is known to have no objects. A missing right is reported. Any other failure goes
// away by itself, and until then the last known state applies.
func (s *objects) Failed(err error) {
	if isAbsent(err) {
		s.Replace(nil)
		return
	}
	if !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err) {
		return
	}
	s.change(func() bool {
		news := s.err == nil || s.err.Error() != err.Error()
		s.err = err
		return news
	}, "")
}

func (s *objects) change(f func() bool, object string) {
	s.mu.Lock()
	news := f()
	s.mu.Unlock()
	if news {
		s.changed(object)
	}
}

// key is namespace/name, or the name alone.
func key(o runtime.Object) string {
	m, err := meta.Accessor(o)
	if err != nil {
		return ""
	}
	if m.GetNamespace() == "" {
		return m.GetName()
	}
	return m.GetNamespace() + "/" + m.GetName()
}
