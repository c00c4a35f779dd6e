"""Writers: who proposes variants, behind one interface. None of them publishes anything."""
