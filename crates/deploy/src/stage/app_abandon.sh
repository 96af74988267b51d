# A deployment that will not serve: what it has started is removed, and the next one may come.
abandon
