package pullsecretrotation

import "testing"

func TestClusterEntry_IsTheFirstTargetsAlone(t *testing.T) {
	optedOut := parse([]byte(`{"auths":{"quay.io":{"auth":"dTpw"}}}`))
	reports := parse([]byte(`{"auths":{"cloud.openshift.com":{"auth":"dTpw"}}}`))
	for name, test := range map[string]struct {
		targets []target
		want    bool
	}{
		"the first has it":           {[]target{{doc: reports}, {doc: optedOut}}, true},
		"only the second has one":    {[]target{{doc: optedOut}, {doc: reports}}, false},
		"the first cannot be parsed": {[]target{{}, {doc: reports}}, false},
		"there are no targets":       {nil, false},
	} {
		if _, ok := (&scope{targets: test.targets}).clusterEntry(); ok != test.want {
			t.Errorf("%s: found is %t", name, ok)
		}
	}
}
