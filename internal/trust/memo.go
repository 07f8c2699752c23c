package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"sync"
)

// memo caches pools by their bundles: making one parses a hundred certificates or more, and the same ones are needed again and again.
type memo struct {
	mu    sync.Mutex
	pools map[[sha256.Size]byte]*x509.CertPool
}

// maxPools leaves room for all bundles in use; others are made again.
const maxPools = 16

// of returns the pool of some bundles. It is shared, so callers must not add to it.
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
