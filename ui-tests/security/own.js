window.ownScript = 'loaded';
