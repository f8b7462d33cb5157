package trial

// StubOf is what a worker does with the n-th job of a name, from 1, as the case says; its zero value, success with {}, where
// it says nothing. For those who play a case elsewhere than here.
func (c *Case) StubOf(name string, n int) Stub {
	list, _ := lookup(c.Stubs, normal(name))
	if len(list) == 0 {
		return Stub{}
	}
	return list[min(max(n, 1), len(list))-1]
}

// ReplyOf is what people answer when an approval of a name is asked for the n-th time, from 1; false where the case does not say.
func (c *Case) ReplyOf(name string, n int) (Reply, bool) {
	list, _ := lookup(c.Replies, normal(name))
	if len(list) == 0 {
		return Reply{}, false
	}
	return list[min(max(n, 1), len(list))-1], true
}
