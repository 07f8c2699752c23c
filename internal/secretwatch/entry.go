package secretwatch

import (
	"cmp"
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// lastApplied is where kubectl apply keeps a copy of what it sent: for a Secret that includes its content.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// entry is the known state of one Secret. Its fields are guarded by the Watcher's lock.
type entry struct {
	watcher *Watcher
	ref     types.NamespacedName
	cancel  context.CancelFunc
	owners  int

	// version of the Secret; empty if there is none. secret is its content, or note is what is kept instead.
	version string
	secret  *corev1.Secret
	note    any
	synced  bool
	err     error
	// goneAt is the resource version at which the Secret was deleted: nothing older brings it back.
	goneAt string
	// listing is the newest version known at the start of the current list.
	listing string
}

// known is the newest known version: take makes sure that one which is there is newer than a deletion. The caller holds the lock.
func (e *entry) known() string { return cmp.Or(e.version, e.goneAt) }

// stop ends its own watch, if it has one. The caller holds the lock.
func (e *entry) stop() {
	if e.cancel != nil {
		e.cancel()
		e.cancel = nil
	}
}

// Listing implements objectwatch.Historian.
func (e *entry) Listing() { e.change(func() bool { e.noteListing(); return false }) }

// Listed implements objectwatch.Historian.
func (e *entry) Listed(version string) {
	e.change(func() bool { e.noteListed(version); return false })
}

// Replace takes the result of a list, which holds the Secret or nothing.
func (e *entry) Replace(objects []runtime.Object) {
	var there runtime.Object
	for _, o := range objects {
		there = o
	}
	e.change(func() bool { return e.replace(there) })
}

// Put takes a new state of the Secret.
func (e *entry) Put(object runtime.Object) { e.change(func() bool { return e.put(object) }) }

// Delete takes the deletion of the Secret.
func (e *entry) Delete(object runtime.Object) { e.change(func() bool { return e.remove(object) }) }

// Failed records that the Secret cannot be read.
func (e *entry) Failed(err error) { e.change(func() bool { return e.fail(err) }) }

// change applies f, and notifies if it is true.
func (e *entry) change(f func() bool) {
	e.watcher.mu.Lock()
	news := f()
	e.watcher.mu.Unlock()
	if news {
		e.watcher.notify(e.ref)
	}
}

// noteListing notes what is known as a list begins. The caller holds the lock, as for the functions below.
func (e *entry) noteListing() { e.listing = e.known() }

// noteListed judges the version of a list. A version that was known before the list began and is newer than the list no longer exists, as after
// a restore of etcd.
func (e *entry) noteListed(version string) {
	if e.listing != "" && version != "" && older(version, e.listing) {
		e.goneAt = ""
		e.drop()
	}
}

// drop forgets the Secret.
func (e *entry) drop() { e.version, e.secret, e.note = "", nil, nil }

// replace takes what a list holds, which is nil if there is no such Secret, and returns whether that is news.
func (e *entry) replace(there runtime.Object) bool {
	news := !e.synced || e.err != nil
	e.synced, e.err = true, nil
	if s, ok := there.(*corev1.Secret); ok && s.Name == e.ref.Name {
		return e.take(s) || news
	}
	news = news || e.version != ""
	e.drop()
	return news
}

func (e *entry) put(object runtime.Object) bool {
	s, ok := object.(*corev1.Secret)
	return ok && s.Name == e.ref.Name && e.take(s)
}

func (e *entry) remove(object runtime.Object) bool {
	s, ok := object.(*corev1.Secret)
	if !ok || s.Name != e.ref.Name || e.version == "" || older(s.ResourceVersion, e.version) {
		return false
	}
	e.goneAt = s.ResourceVersion
	e.drop()
	return true
}

// fail notes why the Secret cannot be read. The known state may be outdated, so it does not count until the Secret can be read again.
func (e *entry) fail(err error) bool {
	news := e.err == nil || e.err.Error() != err.Error()
	e.err = err
	return news
}

// take stores a state unless a newer one is known, and returns whether it is new. The caller holds the lock.
func (e *entry) take(s *corev1.Secret) bool {
	if e.version != "" && !older(e.version, s.ResourceVersion) || e.goneAt != "" && !older(e.goneAt, s.ResourceVersion) {
		return false
	}
	if _, ok := s.Annotations[lastApplied]; ok {
		s = s.DeepCopy()
		delete(s.Annotations, lastApplied)
	}
	e.version, e.secret, e.note = s.ResourceVersion, s, nil
	return true
}

// older is true if resource version a is older than b. Incomparable versions count as older, so that the watch prevails.
func older(a, b string) bool {
	n, err := resourceversion.CompareResourceVersion(a, b)
	return err != nil || n < 0
}
