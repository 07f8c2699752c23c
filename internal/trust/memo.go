package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"sync"
)

// memo keeps the pools that were made of certain bundles: a hundred and more certificates are parsed for each, and asked for again
// and again.
type memo struct {
	mu    sync.Mutex
	pools map[[sha256.Size]byte]*x509.CertPool
}

// maxPools is some for each bundle that is in use at a time; what is over is made again.
const maxPools = 16

// of is the pool of some bundles. It is shared: nobody adds to it.
func (m *memo) of(bundles [][]byte, pool func([][]byte) *x509.CertPool) *x509.CertPool {
	sum := sha256.New()
	for _, b := range bundles {
		sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		sum.Write(b)
	}
	key := [sha256.Size]byte(sum.Sum(nil))
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.pools[key]; p != nil {
		return p
	}
	if len(m.pools) >= maxPools || m.pools == nil {
		m.pools = map[[sha256.Size]byte]*x509.CertPool{}
	}
	m.pools[key] = pool(bundles)
	return m.pools[key]
}
