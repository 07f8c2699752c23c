package awscreds

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"
)

var (
	sealKey  = bytes.Repeat([]byte{7}, 32)
	sealedAt = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	sealed   = Statement{
		Namespace: "openshift-machine-api", Name: "aws-cloud-credentials", UID: "u", Role: "r",
		RefreshedAt: sealedAt, ExpiresAt: sealedAt.Add(time.Hour), ExpirySource: "Told",
	}
)

func sealedData() map[string][]byte {
	return Render(Credential{AccessKeyID: "ASIA1", SecretAccessKey: "s", SessionToken: "t"})
}

func TestSeal_VouchesForEachPartOfWhatIsNoted(t *testing.T) {
	seal := Seal(sealKey, sealed, sealedData())
	if !Verify(sealKey, seal, sealed, sealedData()) || !SealedWith(sealKey, seal) {
		t.Fatal("a seal does not verify what it was made for")
	}
	for name, change := range map[string]func(*Statement, map[string][]byte){
		"namespace":                 func(s *Statement, _ map[string][]byte) { s.Namespace = "other" },
		"name":                      func(s *Statement, _ map[string][]byte) { s.Name = "other" },
		"uid":                       func(s *Statement, _ map[string][]byte) { s.UID = "other" },
		"role":                      func(s *Statement, _ map[string][]byte) { s.Role = "other" },
		"refreshed at":              func(s *Statement, _ map[string][]byte) { s.RefreshedAt = s.RefreshedAt.Add(time.Second) },
		"expires at":                func(s *Statement, _ map[string][]byte) { s.ExpiresAt = s.ExpiresAt.Add(time.Second) },
		"expiry source":             func(s *Statement, _ map[string][]byte) { s.ExpirySource = "Assumed" },
		"a letter from name to uid": func(s *Statement, _ map[string][]byte) { s.Name, s.UID = s.Name+"u", "" },
		"a key's value":             func(_ *Statement, d map[string][]byte) { d[KeySecretAccessKey] = []byte("x") },
		"a key that is gone":        func(_ *Statement, d map[string][]byte) { delete(d, KeySessionToken) },
		"a key that is emptied":     func(_ *Statement, d map[string][]byte) { d[KeySessionToken] = nil },
		"the content of two keys swapped": func(_ *Statement, d map[string][]byte) {
			d[KeyAccessKeyID], d[KeySecretAccessKey] = d[KeySecretAccessKey], d[KeyAccessKeyID]
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, data := sealed, maps.Clone(sealedData())
			change(&s, data)
			if Verify(sealKey, seal, s, data) {
				t.Error("it verifies")
			}
		})
	}
}

func TestSeal_IsOfOneKeyAndOneVersion(t *testing.T) {
	seal := Seal(sealKey, sealed, sealedData())
	other := bytes.Repeat([]byte{8}, 32)
	for name, forged := range map[string]string{
		"none": "", "cut": seal[:len(seal)-1], "longer": seal + "0", "of another version": "v1:" + strings.TrimPrefix(seal, sealVersion),
		"the content's hash": Hash(sealKey, sealedData()), "of another key": Seal(other, sealed, sealedData()),
	} {
		if Verify(sealKey, forged, sealed, sealedData()) {
			t.Errorf("one that is %s verifies", name)
		}
	}
	if SealedWith(sealKey, Seal(other, sealed, sealedData())) {
		t.Error("a seal of another key is taken for one of this")
	}
	if strings.Contains(seal, Hash(sealKey, sealedData())) {
		t.Error("the seal gives away the name of the content")
	}
}

func TestSeal_DoesNotDependOnKeysOfOthersNorOnTheTimeZone(t *testing.T) {
	data := sealedData()
	data["role"] = []byte("x")
	zoned := sealed
	zoned.ExpiresAt = zoned.ExpiresAt.In(time.FixedZone("", 3600))
	if !Verify(sealKey, Seal(sealKey, sealed, sealedData()), zoned, data) {
		t.Error("it does")
	}
}
