package manager

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// toldReader is a cache with one object of this version.
type toldReader struct {
	client.Reader
	version string
}

func (r *toldReader) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if sets, ok := list.(*v1alpha1.CAPCredentialSetList); ok && r.version != "" {
		sets.Items = []v1alpha1.CAPCredentialSet{{ObjectMeta: metav1.ObjectMeta{ResourceVersion: r.version}}}
	}
	return nil
}

// versionReader answers one list after the other with these versions; an empty one is an API server that does not respond.
type versionReader struct {
	client.Reader
	versions []string
	lists    int
}

func (r *versionReader) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	version := r.versions[min(r.lists, len(r.versions)-1)]
	r.lists++
	if version == "" {
		return errors.New("no answer")
	}
	list.(*metav1.PartialObjectMetadataList).ResourceVersion = version
	return nil
}

func TestRestoreCheck_EndsTheProcessWhenVersionsGoBack(t *testing.T) {
	cases := map[string]struct {
		// versions are the answers, one a minute.
		versions []string
		// told is the version of an object in the cache.
		told string
		want error
	}{
		"nothing happens":                      {[]string{"7", "7", "7"}, "7", nil},
		"versions grow":                        {[]string{"9", "10", "100"}, "9", nil},
		"a restore":                            {[]string{"100", "120", "110"}, "", errRestored},
		"a restore from a version as long":     {[]string{"999", "1000", "999"}, "", errRestored},
		"no answer is no restore":              {[]string{"100", "", "100"}, "", nil},
		"a restore while there is no answer":   {[]string{"100", "", "", "99"}, "", errRestored},
		"the first answer comes late":          {[]string{"", "", "5"}, "", nil},
		"a version that cannot be understood":  {[]string{"100", "x", "101"}, "", nil},
		"a restore from right after the start": {[]string{"100", "", "105"}, "110", errRestored},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				r := &versionReader{versions: c.versions}
				check := &restoreCheck{reader: r, cache: &toldReader{version: c.told}, clock: clock.RealClock{}}
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
