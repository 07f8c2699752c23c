package manager

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// versionReader answers one list after the other with these versions; an empty one is an API server that does not respond.
type versionReader struct {
	client.Reader
	versions []string
	lists    int
}

func (r *versionReader) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if kind := list.GetObjectKind().GroupVersionKind(); kind != v1alpha1.GroupVersion.WithKind("PullSecretRotationList") {
		return fmt.Errorf("there is no list of %s", kind)
	}
	version := r.versions[min(r.lists, len(r.versions)-1)]
	r.lists++
	if version == "" {
		return errors.New("no answer")
	}
	list.(*metav1.PartialObjectMetadataList).ResourceVersion = version
	return nil
}

func TestRestoreCheck_EndsTheProcessWhenVersionsGoBack(t *testing.T) {
	scheme, err := NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		// versions are the answers, one a minute.
		versions []string
		// told are the versions of an object that a watch tells within the first minute.
		told []string
		want error
	}{
		"nothing happens":                         {[]string{"7", "7", "7"}, []string{"7"}, nil},
		"versions grow":                           {[]string{"9", "10", "100"}, []string{"9", "10"}, nil},
		"a restore":                               {[]string{"100", "120", "110"}, nil, errRestored},
		"a restore from a version as long":        {[]string{"999", "1000", "999"}, nil, errRestored},
		"no answer is no restore":                 {[]string{"100", "", "100"}, nil, nil},
		"a restore while there is no answer":      {[]string{"100", "", "", "99"}, nil, errRestored},
		"the first answer comes late":             {[]string{"", "", "5"}, nil, nil},
		"a version that cannot be understood":     {[]string{"100", "x", "101"}, []string{"y", "100"}, nil},
		"a restore from right after the start":    {[]string{"100", "", "105"}, []string{"110"}, errRestored},
		"what was told between two answers":       {[]string{"100", "105"}, []string{"101", "110"}, errRestored},
		"a watch that lists an older version":     {[]string{"100", "200"}, []string{"110", "105"}, errRestored},
		"and another one, before anybody listens": {[]string{"100", "200"}, []string{"110", "105", "103"}, errRestored},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				r := &versionReader{versions: c.versions}
				informers := &informertest.FakeInformers{Scheme: scheme}
				check := newRestoreCheck(r, informers)
				told := informerOf(t, informers, &v1alpha1.CAPCredentialSet{})
				go func() {
					time.Sleep(time.Second)
					for i, version := range c.told {
						if i == 0 {
							told.Add(set(version))
						} else {
							told.Update(set(c.told[i-1]), set(version))
						}
					}
				}()
				if err := check.Start(ctx); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if c.want == nil && r.lists < 59 || r.lists > 61 {
					t.Errorf("%d lists in an hour, want one a minute", r.lists)
				}
			})
		})
	}
}

// full is a manager that takes nothing any more.
type full struct{ ctrl.Manager }

var errFull = errors.New("full")

func (full) GetAPIReader() client.Reader { return nil }
func (full) GetCache() cache.Cache       { return nil }
func (full) Add(manager.Runnable) error  { return errFull }

func TestRestoreCheck_RunsInEachReplica(t *testing.T) {
	if newRestoreCheck(nil, nil).NeedLeaderElection() {
		t.Error("a standby would take the lead with what it saw before the restore")
	}
	if err := setupRestoreCheck(full{}); !errors.Is(err, errFull) {
		t.Errorf("a manager that does not take it is answered with %v", err)
	}
}

func set(version string) *v1alpha1.CAPCredentialSet {
	return &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{ResourceVersion: version}}
}

func informerOf(t *testing.T, informers *informertest.FakeInformers, o client.Object) *controllertest.FakeInformer {
	t.Helper()
	informer, err := informers.FakeInformerFor(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return informer
}
